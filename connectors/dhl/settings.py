"""What may be set for DHL tracking: what every inquiry has, and the version of the interface that is spoken."""

from dataclasses import dataclass

from crossdock.kit.inquiry_settings import InquirySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DhlSettings(InquirySettings):
    """``x_version``: of the MyDHL API; DHL wants it with each call."""

    x_version: str = "3.1.0"


SETTINGS = {"source": DhlSettings}

"""What may be set for UPS tracking: what every inquiry has, and what UPS wants to be told with each call."""

from dataclasses import dataclass

from crossdock.kit.inquiry_settings import InquirySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsSettings(InquirySettings):
    """``transaction_src`` names us to UPS; ``locale`` is the language of its descriptions."""

    transaction_src: str = "crossdock"
    locale: str = "en_US"


SETTINGS = {"source": UpsSettings}

"""What may be set for FedEx tracking: what every inquiry has, no more."""

from crossdock.kit.inquiry_settings import InquirySettings

SETTINGS = {"source": InquirySettings}

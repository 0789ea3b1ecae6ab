"""What may be set for the carrier's connector: what a SOAP poll has, no more."""

from crossdock.kit.soap_settings import SoapSettings

SETTINGS = {"source": SoapSettings}

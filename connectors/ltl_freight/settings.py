"""What may be set for the freight carrier: the settings of a SOAP poll, and the same of its contract for writing."""

from crossdock.kit.soap_settings import SoapSettings

SETTINGS = {"source": SoapSettings, "sink": SoapSettings}

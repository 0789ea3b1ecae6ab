"""DHL Express tracking, over the MyDHL API."""

"""What runs Crossdock, and the trading world that it is tried in."""

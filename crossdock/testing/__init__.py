"""What tests of Crossdock and of its connectors may use: things that we ship, not patches of private names."""

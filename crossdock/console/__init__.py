"""What people look at: "Is it working?", cases, write-backs, dead letters, runs; and where webhooks come in."""

"""A Slack channel, told by an incoming webhook."""

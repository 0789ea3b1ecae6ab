"""A Teams channel, told by a workflow that takes a webhook."""

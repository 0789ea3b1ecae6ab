"""A watched folder: lists that somebody puts there, and a report about each row beside them."""

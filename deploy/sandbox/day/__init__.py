"""A day of a distributor: forty trading partners, what they say and leave unsaid, and an oracle that knows both.

``cast`` writes the stories of a seed, ``stage`` plays them through the hub with a virtual clock, ``judge`` compares
what the hub opened, cleared, set aside and answered with what the stories say. The oracle is written from the
stories: it never reads a document, and uses none of the hub's mappings, matching, clocks or calendars.
"""

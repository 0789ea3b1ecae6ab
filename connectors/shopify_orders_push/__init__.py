"""A Shopify shop pushing its orders to us."""

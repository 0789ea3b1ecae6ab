"""The shipments of a Shopify shop, cut out of its orders."""

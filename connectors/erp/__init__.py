"""The ERP over REST: order holds in; notes, holds and date changes out."""

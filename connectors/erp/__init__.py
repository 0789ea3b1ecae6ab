"""The ERP over REST: order holds in; notes, holds, releases and date changes out."""

"""Cases in a CRM over Salesforce's REST API."""

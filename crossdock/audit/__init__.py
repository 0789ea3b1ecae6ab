"""The audit: who did what, in a chain that shows whoever changes it afterwards."""

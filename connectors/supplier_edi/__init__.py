"""The supplier's SFTP server: X12 files in, acknowledgements out."""

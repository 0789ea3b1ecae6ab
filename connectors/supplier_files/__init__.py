"""A supplier's lists over SFTP: CSV and XLSX in, a report about each row out."""

"""Lists from elsewhere: read from spreadsheets, checked line by line, imported whole or not at all."""

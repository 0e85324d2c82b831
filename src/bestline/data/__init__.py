"""Data: any table becomes rows and moments."""

"""Render: who draws a picture's marks: matplotlib, films, pages."""

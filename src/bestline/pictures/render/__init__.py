"""Render: who draws a picture's marks. Marks say what they mean; colours and sizes are decided here.

`mpl` draws a whole picture as a matplotlib figure, from `artists` (one drawing a mark), `axes`, `legend` and `table`; `film`
makes GIF and MP4, `png` bytes, `html` pages. No pyplot, no global style.
"""

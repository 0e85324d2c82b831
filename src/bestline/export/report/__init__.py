"""Report: a model as a page that anyone can read (`page`), and as a card in a notebook's cell (`card`).

`words` are what both say, in sentences and tables; `effects` is what each column does, as sentences. The card must come at once, so
nothing is loaded here for it that only the page needs: pictures and matplotlib.
"""

"""Gallery: the pictures of one model, each a call away and ready as a matplotlib figure: `model.plot.loss()`."""

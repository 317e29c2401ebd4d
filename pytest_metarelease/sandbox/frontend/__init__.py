"""The product's frontend: one page, its script and its styles, as a build would leave them."""

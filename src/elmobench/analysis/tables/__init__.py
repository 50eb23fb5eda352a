"""Tables of scores, layer weights, costs and published scores."""

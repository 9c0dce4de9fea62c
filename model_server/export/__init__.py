"""From a trained model to a released folder: graph, parity gate, card, page."""

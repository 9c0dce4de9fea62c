"""Trains in the cluster that the server runs in: one Kubernetes Job a training, no client library for four calls."""

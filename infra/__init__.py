"""Desired state: environments/<stack>.yaml becomes Kubernetes objects, in the order of a release."""

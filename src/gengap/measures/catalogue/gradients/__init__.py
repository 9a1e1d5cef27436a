"""Gradients of minibatches."""

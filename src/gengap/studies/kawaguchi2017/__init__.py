"""Kawaguchi, Kaelbling and Bengio 2017: what decides generalization, from linear models on."""

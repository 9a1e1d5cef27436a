"""Feldman and Zhang 2020: what neural networks memorize, and how cheap scores find wrong labels."""

"""Morris et al. 2025: how many bits a parameter can memorise, measured on random data."""

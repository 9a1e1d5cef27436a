"""Belkin, Ma and Mandal 2018: interpolating kernel machines and noise in labels."""

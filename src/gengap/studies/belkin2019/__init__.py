"""Belkin, Hsu, Ma and Mandal 2019: double descent, from random features to networks, forests and boosting."""

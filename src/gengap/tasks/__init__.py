"""One public verb a folder: what it does (``task.py``), its report (``page.py``) and its sentences (``words.py``)."""

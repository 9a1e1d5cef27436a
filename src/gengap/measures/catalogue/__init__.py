"""The measures: one module a family, found by ``gengap.measures.all_measures`` without being listed anywhere."""

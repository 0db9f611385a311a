"""No file of the package imports another that imports it in turn, not even within a function."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp


def test_the_imports_form_no_circle() -> None:
    graph = grimp.build_graph("heart_reader", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError("a circle of imports: " + " <- ".join(error.args[1])) from None


def test_studies_are_on_top() -> None:
    graph = grimp.build_graph("heart_reader", exclude_type_checking_imports=True, cache_dir=None)
    studies = {module for module in graph.modules if module.startswith("heart_reader.studies")}
    above = {importer for module in studies for importer in graph.find_modules_that_directly_import(module)} - studies
    assert all(module.startswith("heart_reader.commands") for module in above), above

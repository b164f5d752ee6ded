"""Tells three cultivators apart by what their wines are made of."""

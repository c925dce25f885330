"""Shapes of the API's answers that are no records, a module for each of the routes': what OpenAPI describes."""

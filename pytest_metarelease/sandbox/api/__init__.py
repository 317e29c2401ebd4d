"""The product's API: a Starlette application behind uvicorn.

Refuses nothing by itself; ``shield`` does, before a request reaches an endpoint.
"""

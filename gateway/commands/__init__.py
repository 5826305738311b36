"""What statements other than queries do: one module per family, each a function of what it needs.

`gateway.service` dispatches here and records the outcome; nothing here knows a result or a user
interface.
"""

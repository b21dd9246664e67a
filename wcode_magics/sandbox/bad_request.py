"""Exception for invalid requests, with an error body in OpenAI's format."""

import json

_TYPES = {401: "authentication_error", 403: "permission_error", 500: "server_error"}


class BadRequest(Exception):  # noqa: N818
    """Raised if a request cannot be answered; has the status and the error body."""

    def __init__(
        self,
        message: str,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
    ) -> None:
        """Build the error body; ``type`` is derived from the status."""
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {
                "message": message,
                "type": _TYPES.get(status, "invalid_request_error"),
                "param": param,
                "code": code,
            }
        }


def shown(value: object) -> str:
    """Return a value as an error shows it: JSON, at most 60 characters."""
    return json.dumps(value, ensure_ascii=False)[:60]

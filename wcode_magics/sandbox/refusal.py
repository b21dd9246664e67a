"""The error of a request that cannot be answered, in OpenAI's form."""

_TYPES = {401: "authentication_error", 403: "permission_error", 500: "server_error"}


class BadRequest(Exception):  # noqa: N818
    """When a request cannot be answered: status and the body of the error."""

    def __init__(
        self,
        message: str,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
    ) -> None:
        """Keep the facts; ``type`` follows from the status."""
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

"""Upload a bundle to a model repository of the Hugging Face hub, which is made where there is none.

Nothing else of this project uploads anything. The token is that of `hf auth login`, or of HF_TOKEN.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kdnas.deployment.bundle import read_expected
from kdnas.errors import UserError
from kdnas.sentences import reason, shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the bundle and the repository."""
    parser.add_argument("bundle", type=Path, help="a folder of rule bundle_student, wherever it lies now")
    parser.add_argument("repository", help="as in somebody/name")
    parser.add_argument(
        "--public", action="store_true", help="make a new repository public; without it a new one is private"
    )


def run(options: argparse.Namespace) -> str:
    """Upload the bundle and return where it is; raises UserError if it is none or the hub refuses it."""
    read_expected(options.bundle)
    return f"Uploaded: {push(options.bundle, options.repository, public=options.public)}"


def push(bundle: Path, repository: str, *, public: bool) -> str:
    """Upload ``bundle`` as one commit and return its address; raises UserError if the hub refuses it."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if get_token() is None:
        raise UserError("there is no token for the hub; allowed: one of `hf auth login`, or in HF_TOKEN")
    hub = HfApi()
    try:
        made = hub.create_repo(repository, private=not public, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=made.repo_id,
            folder_path=bundle,
            commit_message="A student of KD-NAS",
            ignore_patterns=[".*", "*/.*"],  # Snakemake's notes
        )
    except HFValidationError as error:
        raise UserError(f"the repository is {shown(repository)} ({reason(error)})") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise UserError(f"the hub refused {repository} with status {status} ({reason(error)})") from error
    except Exception as error:  # without a network it raises many classes
        raise UserError(
            f"{bundle} could not be uploaded to {repository} ({type(error).__name__}: {reason(error)})"
        ) from error
    return str(commit.commit_url)

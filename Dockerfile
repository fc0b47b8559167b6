# The image of the daemon, the command line and the simulated carrier.
#
#     docker build -t outdial:0.1.0 .
#
# Tried: hadolint finds nothing; every step from the wheel to a ready daemon is run by tests/deploy/test_image_steps.py
# (wheel built, locked packages and wheel installed into a clean environment, read-only tree, another user).
# Not tried: `docker build` itself, since no engine was at hand; the base image was not pulled, so it is pinned by its tag.
# Pin it by its digest in your own copy: docker buildx imagetools inspect python:3.11.14-slim-bookworm
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements-image.lock ./
# The lock file has the tools that build the wheel, too; they are taken out again.
RUN python -m venv /opt/outdial \
    && /opt/outdial/bin/pip install --require-hashes --only-binary :all: -r requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/outdial/bin/python -m hatchling build -t wheel -d dist \
    && /opt/outdial/bin/pip install --no-deps --no-index dist/*.whl \
    && /opt/outdial/bin/pip uninstall -y hatchling editables packaging pathspec pluggy tomlkit trove-classifiers \
    && /opt/outdial/bin/python -m compileall -q /opt/outdial/lib \
    && /opt/outdial/bin/pip uninstall -y pip setuptools

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="outdial" \
      org.opencontainers.image.description="Decides when an outbound call may start, which number it comes from, and places it exactly once." \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --system --gid 10001 outdial \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin outdial
COPY --from=build /opt/outdial /opt/outdial
COPY deploy/postgres/grants.sql /usr/share/outdial/postgres/grants.sql
ENV PATH=/opt/outdial/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
EXPOSE 8080 9090 8081
# For engines without probes of their own; Kubernetes asks /healthz itself. OUTDIAL_INTERNAL__PORT when it is not 9090.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"OUTDIAL_INTERNAL__PORT\", 9090)}/healthz/live', timeout=4)"]
ENTRYPOINT ["outdial"]
CMD ["run"]

# elmobench with pinned versions. The image needs no network when it runs:
#   docker build --tag elmobench .
#   docker run --rm --network none elmobench                    # the demo
#   docker run --rm --network none -v "$PWD:/work" -u "$(id -u):$(id -g)" elmobench run mine.yaml
# For a cluster: docker build --build-arg EXTRAS=cluster --tag elmobench . (docs/guides/cluster.md)
FROM python:3.11-slim

ARG EXTRAS=ui
# An index with builds of torch without CUDA makes the image several gigabytes smaller.
ARG PIP_EXTRA_INDEX_URL=""

# KubeRay asks a node whether it is alive with wget.
RUN case ",$EXTRAS," in *,cluster,*) apt-get update && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* ;; esac

WORKDIR /opt/elmobench
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY tasks tasks
COPY experiments experiments
COPY schemas schemas
RUN pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[$EXTRAS]" \
    && elmobench --version

# Any user can run it: caches and results are in folders that everyone can write to, as in /tmp.
ENV ELMOBENCH_HOME=/var/lib/elmobench HOME=/tmp
RUN mkdir -m 1777 /var/lib/elmobench /work
WORKDIR /work
USER 1000

ENTRYPOINT ["elmobench"]
CMD ["run", "demo", "--launcher", "pool"]

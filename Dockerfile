# syntax=docker/dockerfile:1

# Reko in an image that has nothing else: docs/operations.md says how to run it.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" --build-arg COMMIT="$(git rev-parse HEAD)" -t reko .

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=unknown
ARG COMMIT=unknown
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/program/reko ./cmd/reko
# What the program may write to: its database, if that is a file, and what needs room on the way. Elsewhere the root can be read-only.
RUN install -d -m 0700 /out/room/data && install -d -m 1777 /out/room/tmp

FROM scratch
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Reko" \
      org.opencontainers.image.description="Finds the people whose anime taste is most like yours, and recommends from their lists." \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$COMMIT
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# The program is not its own to change.
COPY --from=build --chown=0:0 /out/program/ /
COPY --from=build --chown=65532:65532 /out/room/ /
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 3000
# It stands above [http] addr of a configuration file, so that the health check, which does not know of --config, finds the server.
ENV REKO_HTTP_ADDR=0.0.0.0:3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/reko", "health"]
ENTRYPOINT ["/reko"]

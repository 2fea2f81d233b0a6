"""Apps and the objects with names: volumes, dicts, secrets, mounts, images, blobs."""

import asyncio
import hashlib
import time
from collections import defaultdict

from aiohttp import web
from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2 as pb

from tests.deploy.loopback.wire import not_found, unary

UNNAMED = (pb.OBJECT_CREATION_TYPE_EPHEMERAL, pb.OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP)


class Objects:
    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.apps: dict[str, pb.AppLayout] = {}
        self.deployed: dict[str, str] = {}
        self.named: dict[tuple[str, str], str] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.secret_values: dict[str, dict[str, str]] = {}
        self.images: dict[bytes, str] = {}
        self.image_requests: dict[str, pb.ImageGetOrCreateRequest] = {}
        self.mounted: dict[str, set[str]] = {}
        self.dicts: dict[str, dict[bytes, bytes]] = defaultdict(dict)
        self.commits: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.blob_url = ""

    def new_id(self, prefix: str) -> str:
        self.counts[prefix] += 1
        return f"{prefix}-{self.counts[prefix]}"

    def _object(self, kind: str, prefix: str, name: str, creation: int) -> str:
        if not name or creation in UNNAMED:
            return self.new_id(prefix)
        if (kind, name) not in self.named and creation == pb.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise not_found(f"{kind} {name!r} not found")
        return self.named.setdefault((kind, name), "") or self._name(kind, prefix, name)

    def _name(self, kind: str, prefix: str, name: str) -> str:
        self.named[kind, name] = self.new_id(prefix)
        return self.named[kind, name]

    # Apps

    @unary
    def ClientHello(self, request):
        return pb.ClientHelloResponse()

    @unary
    def EnvironmentGetOrCreate(self, request):
        settings = pb.EnvironmentSettings(image_builder_version="2025.06", webhook_suffix="")
        metadata = pb.EnvironmentMetadata(name="main", settings=settings)
        return pb.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    @unary
    def AppGetByDeploymentName(self, request):
        return pb.AppGetByDeploymentNameResponse(app_id=self.deployed.get(request.name, ""))

    @unary
    def AppCreate(self, request):
        app_id = self.new_id("ap")
        self.apps[app_id] = pb.AppLayout()
        return pb.AppCreateResponse(app_id=app_id, app_page_url="http://127.0.0.1/app")

    @unary
    def AppHeartbeat(self, request):
        return Empty()

    @unary
    def AppClientDisconnect(self, request):
        if request.app_id not in self.deployed.values():
            self.stop_app(request.app_id)
        return Empty()

    @unary
    def AppGetLayout(self, request):
        return pb.AppGetLayoutResponse(app_layout=self.apps[request.app_id])

    @unary
    def AppPublish(self, request):
        layout = pb.AppLayout(function_ids=request.function_ids, class_ids=request.class_ids)
        for function_id in request.function_ids.values():
            layout.objects.add(object_id=function_id, function_handle_metadata=self.handles[function_id])
        for class_id in request.class_ids.values():
            layout.objects.add(object_id=class_id, class_handle_metadata=pb.ClassHandleMetadata())
        self.apps[request.app_id].CopyFrom(layout)
        if request.app_state == pb.APP_STATE_DEPLOYED:
            self.deployed[request.name] = request.app_id
        return pb.AppPublishResponse(url="http://127.0.0.1/deployment", deployed_at=time.time())

    @unary
    async def AppGetLogs(self, request):
        await asyncio.sleep(1)
        return pb.TaskLogsBatch(app_done=True)

    # Objects with names

    @unary
    def VolumeGetOrCreate(self, request):
        volume_id = self._object("volume", "vo", request.deployment_name, request.object_creation_type)
        metadata = pb.VolumeMetadata(version=request.version, name=request.deployment_name)
        return pb.VolumeGetOrCreateResponse(volume_id=volume_id, version=request.version, metadata=metadata)

    @unary
    def VolumeCommit(self, request):
        self.commits.append(request.volume_id)
        return pb.VolumeCommitResponse()

    @unary
    def VolumeReload(self, request):
        return Empty()

    @unary
    def DictGetOrCreate(self, request):
        dict_id = self._object("dict", "di", request.deployment_name, request.object_creation_type)
        return pb.DictGetOrCreateResponse(dict_id=dict_id, metadata=pb.DictMetadata(name=request.deployment_name))

    @unary
    def DictUpdate(self, request):
        self.dicts[request.dict_id].update((update.key, update.value) for update in request.updates)
        return pb.DictUpdateResponse(created=True)

    @unary
    def DictGet(self, request):
        values = self.dicts[request.dict_id]
        return pb.DictGetResponse(found=request.key in values, value=values.get(request.key))

    async def DictContents(self, stream):
        request = await stream.recv_message()
        for key, value in list(self.dicts[request.dict_id].items()):
            await stream.send_message(pb.DictEntry(key=key, value=value))

    @unary
    def DictPop(self, request):
        value = self.dicts[request.dict_id].pop(request.key, None)
        return pb.DictPopResponse(found=value is not None, value=value)

    @unary
    def SecretGetOrCreate(self, request):
        name = request.deployment_name
        if request.env_dict:
            secret_id, values = self.new_id("st"), dict(request.env_dict)
        elif name not in self.secrets:
            raise not_found(f"Secret {name!r} not found in environment 'main'")
        elif missing := [key for key in request.required_keys if key not in self.secrets[name]]:
            raise not_found(f"Secret {name!r} is missing key(s) {missing}")
        else:
            secret_id, values = f"st-{name}", self.secrets[name]
        self.secret_values[secret_id] = values
        return pb.SecretGetOrCreateResponse(secret_id=secret_id, metadata=pb.SecretMetadata(name=name))

    # Mounts, images, blobs

    @unary
    def MountGetOrCreate(self, request):
        mount_id = self.new_id("mo")
        self.mounted[mount_id] = {file.filename for file in request.files}
        metadata = pb.MountHandleMetadata(content_checksum_sha256_hex="0" * 64)
        return pb.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    @unary
    def MountBatchedCheckExistence(self, request):
        return pb.MountBatchedCheckExistenceResponse()

    @unary
    def MountPutFile(self, request):
        return pb.MountPutFileResponse(exists=True)

    @unary
    def ImageGetOrCreate(self, request):
        key = request.image.SerializeToString(deterministic=True)
        image_id = self.images.setdefault(key, f"im-{len(self.images) + 1}")
        self.image_requests[image_id] = request
        return pb.ImageGetOrCreateResponse(
            image_id=image_id,
            result=pb.GenericResult(status=pb.GenericResult.GENERIC_STATUS_SUCCESS),
            metadata=pb.ImageMetadata(image_builder_version=request.builder_version),
        )

    @unary
    def BlobCreate(self, request):
        blob_id = self.new_id("bl")
        urls = pb.UploadUrlList(items=[f"{self.blob_url}/{blob_id}"])
        return pb.BlobCreateResponse(blob_ids=[blob_id], upload_urls=urls)

    @unary
    def BlobGet(self, request):
        return pb.BlobGetResponse(download_url=f"{self.blob_url}/{request.blob_id}")

    async def serve_blob(self, request: web.Request) -> web.Response:
        blob_id = request.match_info["blob"]
        if request.method != "PUT":
            return web.Response(body=self.blobs[blob_id])
        self.blobs[blob_id] = await request.read()
        return web.Response(headers={"ETag": f'"{hashlib.md5(self.blobs[blob_id]).hexdigest()}"'})

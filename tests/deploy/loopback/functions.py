"""Functions and classes: what an app declares, and how a client finds them again."""

from modal_proto import api_pb2 as pb

from tests.deploy.loopback.wire import not_found, unary


class Functions:
    def __init__(self) -> None:
        self.definitions: dict[str, pb.FunctionData] = {}
        self.handles: dict[str, pb.FunctionHandleMetadata] = {}
        self.bound: dict[bytes, str] = {}
        self.bases: dict[str, tuple[str, bytes]] = {}
        self.options: dict[str, pb.FunctionOptions] = {}
        self.kept: dict[str, int] = {}

    def _handle(self, definition, app_id: str, function_id: str) -> pb.FunctionHandleMetadata:
        methods = {
            name: pb.FunctionHandleMetadata(
                function_name=method.function_name,
                function_type=method.function_type,
                is_method=True,
                use_method_name=name,
                app_id=app_id,
                function_schema=method.function_schema,
                supported_input_formats=method.supported_input_formats,
                supported_output_formats=method.supported_output_formats,
            )
            for name, method in definition.method_definitions.items()
        }
        is_web = definition.HasField("webhook_config") and definition.webhook_config.type
        return pb.FunctionHandleMetadata(
            function_name=definition.function_name,
            function_type=definition.function_type,
            method_handle_metadata=methods,
            web_url=f"http://127.0.0.1/{definition.function_name}" if is_web else "",
            function_schema=definition.function_schema,
            app_id=app_id,
            definition_id=f"de-{function_id}",
            class_parameter_info=getattr(definition, "class_parameter_info", None),
            supported_input_formats=definition.supported_input_formats,
            supported_output_formats=definition.supported_output_formats,
        )

    @unary
    def FunctionPrecreate(self, request):
        function_id = request.existing_function_id or self.new_id("fu")
        self.handles[function_id] = self._handle(request, request.app_id, function_id)
        return pb.FunctionPrecreateResponse(function_id=function_id, handle_metadata=self.handles[function_id])

    @unary
    def FunctionCreate(self, request):
        function_id = request.existing_function_id or self.new_id("fu")
        data = pb.FunctionData()
        if request.HasField("function_data"):
            data.CopyFrom(request.function_data)
        else:
            data.ranked_functions.add(function=request.function)
            data.webhook_config.CopyFrom(request.function.webhook_config)
        described = request.function_data if request.HasField("function_data") else request.function
        self.definitions[function_id] = data
        self.handles[function_id] = self._handle(described, request.app_id, function_id)
        return pb.FunctionCreateResponse(
            function_id=function_id,
            handle_metadata=self.handles[function_id],
            function_data=data,
            function=data.ranked_functions[0].function,
        )

    @unary
    def FunctionUpdateSchedulingParams(self, request):
        self.kept[request.function_id] = request.settings.min_containers
        return pb.FunctionUpdateSchedulingParamsResponse(current_settings=request.settings)

    @unary
    def ClassCreate(self, request):
        class_id = request.existing_class_id or self.new_id("cs")
        return pb.ClassCreateResponse(class_id=class_id, handle_metadata=pb.ClassHandleMetadata())

    def _layout(self, app_name: str) -> pb.AppLayout:
        if app_name not in self.deployed:
            raise not_found(f"app {app_name!r} not found")
        return self.apps[self.deployed[app_name]]

    @unary
    def FunctionGet(self, request):
        function_id = self._layout(request.app_name).function_ids.get(request.object_tag)
        if not function_id:
            raise not_found(f"{request.object_tag!r} not in app {request.app_name!r}")
        return pb.FunctionGetResponse(function_id=function_id, handle_metadata=self.handles[function_id])

    @unary
    def ClassGet(self, request):
        class_id = self._layout(request.app_name).class_ids.get(request.object_tag)
        if not class_id:
            raise not_found(f"class {request.object_tag!r} not in app {request.app_name!r}")
        return pb.ClassGetResponse(class_id=class_id, handle_metadata=pb.ClassHandleMetadata())

    @unary
    def FunctionBindParams(self, request):
        key = request.SerializeToString(deterministic=True)
        if key not in self.bound:
            bound_id = self.bound[key] = self.new_id("fu")
            self.definitions[bound_id] = self.definitions[request.function_id]
            self.handles[bound_id] = self.handles[request.function_id]
            self.bases[bound_id] = (request.function_id, request.serialized_params)
            self.options[bound_id] = request.function_options
        bound_id = self.bound[key]
        return pb.FunctionBindParamsResponse(bound_function_id=bound_id, handle_metadata=self.handles[bound_id])

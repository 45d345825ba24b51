process TRAIN {
    tag "${[slices].flatten().size()} scans"
    label 'training'
    label 'gpu'

    input:
    path slices, stageAs: 'slices/*'
    val code

    output:
    path 'model', emit: model

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    train.py slices/* --out model --checkpoints checkpoints ${task.ext.args}
    """

    stub:
    """
    train.py --help > /dev/null
    mkdir model
    touch model/diffusion.safetensors model/embedding.safetensors model/config.json
    """
}
